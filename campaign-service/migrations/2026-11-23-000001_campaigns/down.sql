DROP TABLE campaign.links;
DROP TABLE campaign.campaigns;
