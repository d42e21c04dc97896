DROP TABLE campaign.decisions;
