DROP VIEW campaign.counted_campaigns;
DROP TABLE campaign.link_deltas;
DROP TABLE campaign.link_counts;
DROP TABLE campaign.removals;
DROP TABLE campaign.links;
DROP TABLE campaign.campaigns;
